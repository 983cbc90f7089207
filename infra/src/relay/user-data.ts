import { UserData } from 'aws-cdk-lib/aws-ec2'

import { cloudConfig } from './cloud-config.ts'
import {
  awsHostFiles,
  claimScript,
  hostPackages,
  installScript,
  relayHostFiles,
  signalScript,
} from './host-files.ts'

export interface RelayUserDataProps {
  name: string
  /** DNS name or IPv4 address that members reach it at. */
  host: string
  region: string
  mail: string | undefined
  allocationId: string
  volumeId: string
  /** Secret that holds the join token. */
  secretId: string
  /** `s3://BUCKET/KEY` of the zipped command. */
  packageUrl: string
  stackName: string
  /** Logical id of the group that waits for the signal. */
  groupId: string
}

/** What an instance runs at its first boot: claim what belongs to its relay, install it, and report the outcome. */
export function relayUserData(props: RelayUserDataProps): UserData {
  const install = variables({
    RELAY_NAME: props.name,
    RELAY_HOST: props.host,
    RELAY_REGION: props.region,
    RELAY_MAIL: props.mail ?? '',
    PACKAGE_URL: '',
    PACKAGE_INTEGRITY: '',
  })
  const aws = variables({
    AWS_DEFAULT_REGION: props.region,
    ALLOCATION_ID: props.allocationId,
    VOLUME_ID: props.volumeId,
    SECRET_ID: props.secretId,
    PACKAGE_S3: props.packageUrl,
    STACK_NAME: props.stackName,
    GROUP_ID: props.groupId,
  })
  return UserData.custom(
    cloudConfig({
      packages: [...hostPackages, 'awscli'],
      files: [
        { path: '/etc/agent-mesh/install.env', mode: '0644', content: install },
        { path: '/etc/agent-mesh/aws.env', mode: '0644', content: aws },
        ...relayHostFiles(),
        ...awsHostFiles(),
      ],
      commands: [['sh', '-c', `${claimScript} && ${installScript}; exec ${signalScript} $?`]],
    }),
  )
}

const variables = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
