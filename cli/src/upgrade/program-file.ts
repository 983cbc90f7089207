/**
 * The download of the single file for a platform: `agent-mesh-linux-x64.gz`, and `agent-mesh-win-x64.exe.gz`, which unpacks to a name
 * that Windows runs.
 */
export const programFile = (platform: NodeJS.Platform, arch: string): string =>
  platform === 'win32' ? `agent-mesh-win-${arch}.exe.gz` : `agent-mesh-${platform}-${arch}.gz`
