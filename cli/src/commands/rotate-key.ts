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
      'the keys of now were stolen: nothing they signed counts any more, members renew at once',
    )
    .option('--stack <name>', 'of a mesh on AWS: its CloudFormation stack')
    .option('--kms-key <id>', 'of a mesh on AWS: the new key in KMS (id, ARN or alias)')
    .addHelpText(
      'after',
      `
Asks the control plane that runs in this context. Members are told of the new key at once, and it signs two minutes later;
what the old one signed stays good until it expires. With --revoke the root key takes the place of the old ones: links of
members end until they have renewed, which takes seconds and needs the control plane to be reachable.

On AWS it writes the table with your credentials; afterwards deploy the stack with the new key. Without --revoke, do that
two minutes later; with it, at once.

Examples:
  $ agent-mesh admin rotate-key
  $ agent-mesh admin rotate-key --revoke
  $ agent-mesh admin rotate-key --stack ProdMesh --kms-key alias/mesh-2027

Exit codes: 0 done, 3 nothing runs in this context, 7 something else than a control plane does, 8 another rotation is under way.`,
    )
  onCall<RotateOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { revoke = false, stack, kmsKey } = options
    if ((stack === undefined) !== (kmsKey === undefined))
      throw new MeshError(
        'invalid_argument',
        'Cannot rotate the authority key: --stack and --kms-key go together',
      )
    const rotated = await withProgress(settings, 'Rotating the authority key', async () => {
      if (stack !== undefined && kmsKey !== undefined) {
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
    wait > 0 ? `It signs in ${wait} s; until then members hear of it.` : 'It signs from now on.',
    ...revoked.map(old => `revoked ${old}`),
    'Back up the data folder: it holds the new key.',
  ]
}
