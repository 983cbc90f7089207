import { App, Aspects, PermissionsBoundary, Validations, type StackProps } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

import { AcceptedChecks } from './accepted-checks.ts'
import { ControlPlaneStack } from './control-plane-stack.ts'
import { dataOfSettings } from './data/data-of-settings.ts'
import { DataStack } from './data-stack.ts'
import { bundleLambdas } from './lambda-bundle.ts'
import { buildRelayPackage } from './relay/relay-package.ts'
import { RelayStack } from './relay-stack.ts'
import { readSettings } from './settings.ts'
import { stackNames } from './settings/stack-names.ts'

/** `npx cdk synth`: the stacks of one mesh. Account and region come from the CDK's own environment. */
const app = new App()
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
Aspects.of(app).add(new AcceptedChecks())
const settings = readSettings(app.node)
const { qualifier, permissionsBoundary, tags } = settings
if (qualifier !== undefined) app.node.setContext('@aws-cdk/core:bootstrapQualifier', qualifier)
const common: StackProps = {
  tags: { ...tags },
  ...(permissionsBoundary === undefined
    ? {}
    : { permissionsBoundary: PermissionsBoundary.fromArn(permissionsBoundary) }),
}
const names = stackNames(String(app.node.tryGetContext('stack') ?? 'AgentMesh'))

const description = 'Agent Mesh: table and authority key of one mesh'
const made = () => new DataStack(app, names.data, { ...common, description, settings })
const controlPlane = new ControlPlaneStack(app, names.controlPlane, {
  ...common,
  description: 'Agent Mesh: bootstrap, enrolment, map, presence and policy of one mesh',
  bundles: bundleLambdas(),
  data: dataOfSettings(settings, made),
  settings,
})
if (settings.relays > 0)
  new RelayStack(app, names.relays, {
    ...common,
    description: 'Agent Mesh: relays, homes of agents and the way to those nobody reaches directly',
    settings,
    command: buildRelayPackage(),
    tokens: names.relayTokens,
    ...(settings.vpcId === undefined ? {} : { env: credentialsEnvironment() }),
  }).addStackDependency(controlPlane)

/** A VPC is looked up in the account and region of the credentials, which the CDK puts there. */
function credentialsEnvironment(): { account: string; region: string } {
  // eslint-disable-next-line no-restricted-properties -- the CDK passes it in no other way
  const { CDK_DEFAULT_ACCOUNT: account = '', CDK_DEFAULT_REGION: region = '' } = process.env
  return { account, region }
}

app.synth()
