import { Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

import type { Settings } from './settings.ts'

export interface RelayStackProps extends StackProps {
  settings: Settings
}

export class RelayStack extends Stack {
  constructor(scope: Construct, id: string, props: RelayStackProps) {
    super(scope, id, props)
  }
}
