/** `agent-mesh context export` and `import`: an admin context for another machine. */
import { MeshError } from '@agent-mesh/protocol/errors'

import { parseNewFile } from '../arguments.ts'
import { onCall, type Register } from './define.ts'

interface ExportOptions {
  out?: string
  url?: string
  passphraseFile?: string
  plain?: boolean
}

export const registerExport: Register = (context, finish) => {
  const command = context
    .command('export')
    .description('write the admin key and the address of the control plane, for another machine')
    .option('--out <file>', 'file to write (mode 0600; must not exist) instead of stdout', parseNewFile)
    .option(
      '--url <url>',
      'URL at which the other machine reaches the control plane (default: its public URL)',
    )
    .option('--passphrase-file <file>', 'file with the passphrase (default: ask on the terminal)')
    .option('--plain', 'write the key in clear text, never to a terminal')
    .addHelpText(
      'after',
      `
The key is encrypted with the passphrase (scrypt, AES-256-GCM). Both machines then act as the same admin.

Examples:
  $ agent-mesh context export --out admin.json
  $ agent-mesh context export --plain | ssh laptop agent-mesh --context prod context import -

Exit codes: 0 written, 7 the context administers no mesh, 8 the file exists.`,
    )
  onCall<ExportOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { out, url, passphraseFile, plain = false } = options
    if (plain && out === undefined && process.stdout.isTTY === true)
      throw new MeshError('invalid_argument', 'Cannot write the key in clear text to a terminal', {
        hint: 'Pass --out FILE, use a pipe, or encrypt the key with a passphrase.',
      })
    const { readAdminContext, writeExported } = await import('../contexts/admin-transfer.ts')
    const { passphraseOf } = await import('../contexts/passphrase.ts')
    const { exportContext } = await import('../contexts/exported-context.ts')
    const admin = await readAdminContext(settings.data, url)
    const passphrase = plain ? undefined : await passphraseOf(passphraseFile, { twice: true, signal })
    const text = await exportContext(admin, passphrase)
    if (out === undefined) return output.result(JSON.parse(text), () => text.trimEnd().split('\n'))
    await writeExported(out, text)
    const { peerId } = admin.identity
    output.result({ file: out, url: admin.url, meshId: admin.meshId, peerId, sealed: !plain }, () =>
      plain
        ? `Written to ${out}, with the key in clear text: every reader of the file can act as admin of the mesh.`
        : `Written to ${out}. Import it with: agent-mesh context import ${out}`,
    )
  })
}

interface ImportOptions {
  passphraseFile?: string
}

export const registerImport: Register = (context, finish) => {
  const command = context
    .command('import')
    .description('make this context administer a mesh, with a file that "context export" wrote')
    .argument('<file>', 'exported context, or - for standard input')
    .option('--passphrase-file <file>', 'file with the passphrase (default: ask on the terminal)')
    .addHelpText(
      'after',
      `
Writes admin-identity.json and context.json (mode 0600) into the data folder, which may also be the folder of a member.

Examples:
  $ agent-mesh context import admin.json --context prod
  $ agent-mesh --context prod token create

Exit codes: 0 imported, 2 the file is damaged, 4 the passphrase is wrong, 8 the context administers another mesh.`,
    )
  onCall<ImportOptions, [string]>(command, finish, async ({ settings, options, output, signal }, file) => {
    const [{ openExported, readExported }, { passphraseOf }, { importAdmin }, { readInput }] =
      await Promise.all([
        import('../contexts/exported-context.ts'),
        import('../contexts/passphrase.ts'),
        import('../contexts/admin-transfer.ts'),
        import('../data/read-input.ts'),
      ])
    const exported = readExported(await readInput(file, 16 * 1024), file)
    const { passphraseFile } = options
    const passphrase =
      exported.seal === undefined ? undefined : await passphraseOf(passphraseFile, { twice: false, signal })
    const { url, meshId, identity } = await openExported(exported, passphrase)
    await importAdmin(settings.data, { url, meshId, identity })
    const { context, data } = settings
    output.result({ context, data, url, meshId, peerId: identity.peerId }, () => [
      `Context ${context} administers mesh ${meshId} at ${url}.`,
      `Try it: agent-mesh${settings.flags} token list`,
    ])
  })
}
