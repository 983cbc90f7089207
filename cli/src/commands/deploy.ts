import { printable } from '@agent-mesh/protocol/printable'
import { Argument, type Command } from 'commander'

import { collect, parseCount } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'
import { groupOf, onCall, type Finish } from './define.ts'

interface Options {
  stack: string
  set?: string[]
  relays?: number
  dryRun?: boolean
}

export const registerDeploy = groupOf({
  name: 'deploy',
  description: 'deploy a control plane to a cloud, from a checkout',
  commands: [registerAws],
})

function registerAws(deploy: Command, finish: Finish): void {
  const command = deploy
    .command('aws')
    .description('deploy a control plane to AWS and test it, or destroy it')
    .addArgument(new Argument('[action]', 'apply or destroy').choices(['apply', 'destroy']).default('apply'))
    .option('--stack <name>', 'name of the CloudFormation stack', commandDefaults.stack)
    .option('--set <name=value>', 'setting of docs/deploy-aws.md; may be repeated', collect)
    .option('--relays <n>', 'number of relays to run, at least', parseCount)
    .option('--dry-run', 'show the changes, and change nothing')
    .addHelpText(
      'after',
      `
Uses your AWS credentials and region as the AWS SDK finds them (AWS_PROFILE, AWS_REGION).

Examples:
  $ agent-mesh deploy aws --dry-run
  $ agent-mesh deploy aws
  $ agent-mesh deploy aws --set domain=mesh.example.com --set certificateArn=ARN
  $ agent-mesh deploy aws destroy`,
    )
  onCall<Options, [string]>(command, finish, async ({ settings, options, output, signal }, action) => {
    const aws = await import('../aws/deploy.ts')
    const { stack, set = [], relays } = options
    const cdk = { stack, settings: relays === undefined ? set : [...set, `relays=${relays}`], signal }
    if (options.dryRun === true) return aws.showChanges(cdk)
    if (action === 'destroy') {
      await aws.destroy(cdk)
      return output.result({ stack, destroyed: true }, () => [
        `${stack} is destroyed. Its table and its key are kept unless it was deployed with --set protectData=false:`,
        'see "Removing the deployment" in docs/deploy-aws.md.',
      ])
    }
    const say = (text: string): void => void process.stderr.write(`${printable(text)}\n`)
    const deployed = await aws.deploy(cdk, settings.data, say)
    output.result(deployed, () => [
      `${output.style('green', 'Deployed.')} The mesh answers at ${deployed.bootstrapUrl}`,
      `mesh            ${deployed.meshId}`,
      `data            ${settings.data} (keep a copy: it holds the root key and the key of the first admin)`,
      'cost            docs/scale.md has the monthly bill by number of agents',
      '',
      'To let one machine join (the token expires in 24 h):',
      `  AGENT_MESH_JOIN=${deployed.token} agent-mesh up`,
    ])
  })
}
