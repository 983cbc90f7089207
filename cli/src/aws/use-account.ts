/** The one place that says to the AWS SDKs and to the CDK which account and region are meant. */
import type { Deployment } from './deployment-file.ts'

/* eslint-disable no-restricted-properties -- both read the environment, and the CDK is a process of its own */

/** Values that are not named stay as in the environment. */
export function useAccount({ profile, region }: Pick<Deployment, 'profile' | 'region'>): void {
  if (profile !== undefined) process.env['AWS_PROFILE'] = profile
  if (region === undefined) return
  process.env['AWS_REGION'] = region
  process.env['AWS_DEFAULT_REGION'] = region
}
