/**
 * Region and zone of this machine, as its environment and the metadata service of Amazon EC2 know them (IMDSv2: a token first, so that
 * a program that forwards requests cannot be made to read it). Elsewhere nothing answers at its address, so the time is short.
 */
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import type { IncomingMessage } from 'node:http'
import { discoveryDefaults } from './defaults.ts'
import { sendRequest } from './send-request.ts'

export interface DetectedPlace {
  readonly region?: string
  readonly zone?: string
}

export interface DetectPlaceInit {
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default that of EC2 */
  readonly metadataUrl?: string
  /** For all requests together, ms. @default 300 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

const label = (text: string | undefined): string | undefined =>
  text !== undefined && fieldForms.label.pattern.test(text) ? text : undefined

/** What is not found is absent. Never rejects. */
export async function detectPlace(init: DetectPlaceInit): Promise<DetectedPlace> {
  const { env } = init
  const known = label(env['AWS_REGION']) ?? label(env['AWS_DEFAULT_REGION'])
  const found = await askMetadata(init).catch(() => ({ region: undefined, zone: undefined }))
  const region = known ?? found.region
  // A zone of another region says nothing.
  const zone = region === found.region ? found.zone : undefined
  return { ...(region !== undefined && { region }), ...(zone !== undefined && { zone }) }
}

async function askMetadata({ metadataUrl, timeoutMs, signal }: DetectPlaceInit) {
  const { metadataUrl: ec2, metadataMs } = discoveryDefaults
  const limit = timeoutSignal(timeoutMs ?? metadataMs)
  const ended = signal === undefined ? limit : AbortSignal.any([signal, limit])
  const ask = async (method: string, path: string, headers: Record<string, string>) => {
    const url = new URL(path, metadataUrl ?? ec2)
    return textOf(await sendRequest({ method, url, headers, body: new Uint8Array(), signal: ended }))
  }
  const seconds = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
  const token = await ask('PUT', '/latest/api/token', seconds)
  if (token === undefined || !/^[\w=+/-]+$/.test(token)) return { region: undefined, zone: undefined }
  const [region, zone] = await Promise.all(
    ['region', 'availability-zone'].map(name =>
      ask('GET', `/latest/meta-data/placement/${name}`, { 'x-aws-ec2-metadata-token': token }),
    ),
  )
  return { region: label(region), zone: label(zone) }
}

/** A token has 56 characters, a place fewer. */
const mostBytes = 256

/** Undefined for a refusal, and for an answer that is too long. */
async function textOf(reply: IncomingMessage): Promise<string | undefined> {
  let text = ''
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (text.length > mostBytes) return undefined
  }
  return reply.statusCode === 200 ? text.trim() : undefined
}
