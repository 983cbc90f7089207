/** The stacks of one mesh by the settings of a deployment. */
import { PermissionsBoundary, type App, type StackProps } from 'aws-cdk-lib'

import { ControlPlaneStack } from './control-plane-stack.ts'
import { dataOfSettings } from './data/data-of-settings.ts'
import { DataStack } from './data-stack.ts'
import { RelayStack } from './relay-stack.ts'
import type { Settings } from './settings.ts'
import { stackNames } from './settings/stack-names.ts'

export interface MeshStacksInit {
  settings: Settings
  /** Name of the control plane's stack. */
  name: string
  /** Folder of the bundled Lambdas. */
  bundles: string
  /** Folder of the command that relays run; asked for when there are some. */
  command: () => string
  /** Account and region, for a VPC that is looked up. */
  env: () => { account: string; region: string }
}

export interface MeshStacks {
  controlPlane: ControlPlaneStack
  /** Undefined when settings name table and keys. */
  data: DataStack | undefined
  relays: RelayStack | undefined
}

export function meshStacks(app: App, { settings, name, bundles, command, env }: MeshStacksInit): MeshStacks {
  const { qualifier, vpcId } = settings
  if (qualifier !== undefined) app.node.setContext('@aws-cdk/core:bootstrapQualifier', qualifier)
  const common = commonProps(settings)
  const names = stackNames(name)
  let data: DataStack | undefined
  const made = (): DataStack =>
    (data = new DataStack(app, names.data, {
      ...common,
      description: 'Agent Mesh: table and authority key of one mesh',
      settings,
    }))
  const controlPlane = new ControlPlaneStack(app, names.controlPlane, {
    ...common,
    description: 'Agent Mesh: bootstrap, enrolment, map, presence and policy of one mesh',
    bundles,
    data: dataOfSettings(settings, made),
    settings,
  })
  if (settings.relays === 0) return { controlPlane, data, relays: undefined }
  const relays = new RelayStack(app, names.relays, {
    ...common,
    description: 'Agent Mesh: relays, homes of agents and the way to those nobody reaches directly',
    settings,
    command: command(),
    tokens: names.relayTokens,
    ...(vpcId === undefined ? {} : { env: env() }),
  })
  relays.addStackDependency(controlPlane)
  return { controlPlane, data, relays }
}

const commonProps = ({ tags, permissionsBoundary }: Settings): StackProps => ({
  tags: { ...tags },
  ...(permissionsBoundary === undefined
    ? {}
    : { permissionsBoundary: PermissionsBoundary.fromArn(permissionsBoundary) }),
})
