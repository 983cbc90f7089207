import type { LocalRotateKeyReply } from '@agent-mesh/protocol/local-api'
import { MeshError } from '@agent-mesh/protocol/errors'

import { withProgress } from '../show/progress.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { onCall, type Register } from './define.ts'

interface RotateOptions {
  revoke?: boolean
  stack?: string
  kmsKey?: string
}

/** `agent-mesh admin rotate-key`. */
export const registerRotateKey: Register = (admin, finish) => {
  const command = admin
    .command('rotate-key')
    .description('rotate the authority (signing) key without downtime')
    .option(
      '--revoke',
      'revoke the current keys, which were stolen: their signatures become invalid and members renew at once',
    )
    .option(
      '--stack <name>',
      'CloudFormation stack of a mesh on AWS; STACK/ID: a ControlPlane in it (default: the one deployed from this context)',
    )
    .option('--kms-key <id>', 'new key in KMS of a mesh on AWS (id, ARN or alias)')
    .addHelpText(
      'after',
      `
Asks the control plane that runs in this context. Members receive the new key at once, and it signs two minutes later;
documents that the old key signed stay valid until they expire. With --revoke the root key replaces the old keys: links of
members end until they have renewed, which takes seconds and needs a reachable control plane.

On AWS it writes the table with your credentials. The control plane must have both keys first, so that it signs throughout:
deploy it with --set authorityKeyArn=OLD,NEW, rotate, and two minutes later (with --revoke at once) deploy it with the new key
alone.

Examples:
  $ agent-mesh admin rotate-key
  $ agent-mesh admin rotate-key --revoke
  $ agent-mesh --context prod admin rotate-key --kms-key alias/mesh-2027

Exit codes: 0 done, 3 no process runs in this context, 7 the process is no control plane, 8 another rotation is in progress.`,
    )
  onCall<RotateOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { revoke = false, stack, kmsKey } = options
    if (stack !== undefined && kmsKey === undefined)
      throw new MeshError('invalid_argument', 'Cannot rotate the authority key: --stack needs --kms-key')
    const rotated = await withProgress(settings, 'Rotating the authority key', async () => {
      if (kmsKey !== undefined) {
        const { rotateStackKey } = await import('../aws/first-admin.ts')
        return rotateStackKey(stack, settings.data, { kmsKey, revoke })
      }
      const { localClient } = await import('../local/local-client.ts')
      return localClient(settings.data, signal).rotateKey({ revoke })
    })
    output.result(rotated, () => rotatedText({ ...rotated }, output))
  })
}

function rotatedText({ kid, signsAt, revoked }: LocalRotateKeyReply, output: Output): Text {
  const wait = Math.max(0, Math.ceil((signsAt - Date.now()) / 1_000))
  return [
    `${output.style('green', 'The authority key is rotated')}: ${kid}`,
    wait > 0 ? `It signs in ${wait} s, when all members have received it.` : 'It signs from now on.',
    ...revoked.map(old => `revoked ${old}`),
    'Back up the data folder: it holds the new key.',
  ]
}
