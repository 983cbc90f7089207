import { App } from 'aws-cdk-lib'

import { ControlPlaneStack } from './control-plane-stack.ts'
import { bundleLambda } from './lambda-bundle.ts'

/** `npx cdk synth`: the stacks of one mesh. Account and region come from the CDK's own environment. */
const app = new App()
new ControlPlaneStack(app, 'AgentMeshControlPlane', {
  description: 'Agent Mesh: bootstrap, enrolment, map, presence and policy of one mesh',
  bundle: bundleLambda(),
})
app.synth()
