import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'

import { ControlPlaneStack } from './control-plane-stack.ts'
import { bundleLambdas } from './lambda-bundle.ts'
import { RelayStack } from './relay-stack.ts'
import { readSettings } from './settings.ts'

/** `npx cdk synth`: the stacks of one mesh. Account and region come from the CDK's own environment. */
const app = new App()
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
const settings = readSettings(app.node)
const name = String(app.node.tryGetContext('stack') ?? 'AgentMesh')
const controlPlane = new ControlPlaneStack(app, name, {
  description: 'Agent Mesh: bootstrap, enrolment, map, presence and policy of one mesh',
  bundles: bundleLambdas(),
  settings,
})
if (settings.relays > 0)
  new RelayStack(app, `${name}Relays`, {
    description: 'Agent Mesh: relays, homes of agents and the way to those nobody reaches directly',
    settings,
  }).addStackDependency(controlPlane)
app.synth()
