/**
 * Constructs of the AWS CDK that others build their stacks from; `app.ts` is the app of `agent-mesh deploy aws`. Everything takes and
 * gives the CDK's own interfaces. docs/deploy-aws.md, "In an app of your own", has an example.
 */
export { ControlPlane } from './control-plane/control-plane.ts'
export type { ControlPlaneProps, MeshDomain, ViewerProxy } from './control-plane/props.ts'
export type { TrafficShift } from './control-plane/traffic-shift.ts'
export type { FunctionName } from './control-plane/alarms/watched.ts'
export { MeshData, type MeshDataProps } from './data/mesh-data.ts'
export { Relay, type RelayProps } from './relay/relay.ts'
export { relaySecurityGroup } from './relay/security-group.ts'
export { lambdaNames, type LambdaName } from './lambda-bundle.ts'
