/** `prepack` of the workspaces: their `exports` name sources, which Node runs in a checkout alone. */
process.stderr.write(
  'Cannot pack a workspace: its exports name sources. Run "npm run release", see docs/releasing.md\n',
)
process.exitCode = 1
