import { App, Aspects, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

import { AcceptedChecks } from './accepted-checks.ts'
import { bundleLambdas } from './lambda-bundle.ts'
import { meshStacks } from './mesh-stacks.ts'
import { buildRelayPackage } from './relay/relay-package.ts'
import { readSettings } from './settings.ts'

/** `npx cdk synth`: the stacks of one mesh. Account and region come from the CDK's own environment. */
const app = new App()
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
Aspects.of(app).add(new AcceptedChecks())
meshStacks(app, {
  settings: readSettings(app.node),
  name: String(app.node.tryGetContext('stack') ?? 'AgentMesh'),
  bundles: bundleLambdas(),
  command: () => buildRelayPackage(),
  env: credentialsEnvironment,
})

/** A VPC is looked up in the account and region of the credentials, which the CDK puts there. */
function credentialsEnvironment(): { account: string; region: string } {
  // eslint-disable-next-line no-restricted-properties -- the CDK passes it in no other way
  const { CDK_DEFAULT_ACCOUNT: account = '', CDK_DEFAULT_REGION: region = '' } = process.env
  return { account, region }
}

app.synth()
