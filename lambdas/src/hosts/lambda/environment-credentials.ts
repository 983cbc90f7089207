/**
 * Stands in for `@aws-sdk/credential-provider-node` in the bundles: a Lambda gets its credentials in the environment,
 * good for as long as the process lives.
 */
import { readCredentials } from './environment.ts'

export const defaultProvider = () => async () => readCredentials()
export const credentialsTreatedAsExpired = (): boolean => false
export const credentialsWillNeedRefresh = (): boolean => false
