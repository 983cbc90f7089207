/** The one place that reads a Lambda's environment. */
import { MeshError } from '@agent-mesh/protocol'
import { parsePublicUrl } from '../../domain/public-url.ts'
import { viewerProxyOf, type ViewerProxy } from '../api-gateway/viewer-address.ts'

export interface LambdaSettings {
  stack: string
  table: string
  /** KMS keys that may sign: two while one replaces the other. */
  authorityKeyIds: readonly string[]
  /** URL of the API for members, without a trailing slash. */
  publicUrl: string
  /** URL for watchers. */
  watchUrl: string
  maxMembers: number
  /** The CDN or proxy before the APIs; undefined: none. */
  viewerProxy: ViewerProxy | undefined
}

/* eslint-disable no-restricted-properties -- this is the file that reads it */

function needed(name: string): string {
  const value = process.env[name]
  if (value !== undefined && value !== '') return value
  throw new MeshError('internal', `Cannot start: the environment lacks ${name}`)
}

const optional = (name: string): string => process.env[name] ?? ''

/** @throws MeshError naming what is missing */
export const readEnvironment = (): LambdaSettings => ({
  stack: needed('STACK_NAME'),
  table: needed('TABLE_NAME'),
  authorityKeyIds: needed('AUTHORITY_KEY_IDS').split(','),
  publicUrl: parsePublicUrl(needed('PUBLIC_URL')),
  watchUrl: needed('WATCH_URL'),
  maxMembers: Number(needed('MAX_MEMBERS')),
  viewerProxy: viewerProxyOf(optional('VIEWER_ADDRESS_HEADER'), optional('PROXY_SECRET_SHA256')),
})

/** Endpoint for pushes to watchers; only the function that pushes has it. */
export const readCallbackUrl = (): string => needed('WATCH_CALLBACK_URL')

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

export function readCredentials(): Credentials {
  const sessionToken = process.env['AWS_SESSION_TOKEN']
  return {
    accessKeyId: needed('AWS_ACCESS_KEY_ID'),
    secretAccessKey: needed('AWS_SECRET_ACCESS_KEY'),
    ...(sessionToken === undefined || sessionToken === '' ? {} : { sessionToken }),
  }
}
