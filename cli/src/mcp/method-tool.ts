/** A method of a service as a tool: its schema gets the argument `member`, or is the argument `params` where it has no room for that. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Tool } from '@modelcontextprotocol/server'

import { methodTarget } from '../gateway/method-target.ts'
import { toolName } from './tool-name.ts'
import { toldSchema, toldText } from './told-text.ts'

export type DescribedMethod = DescribedService['methods'][number]

/** What a call of a tool asks of the mesh. */
export interface ToolCall {
  readonly params: unknown
  /** Name or peer id of the only member to ask. */
  readonly member: string | undefined
}

export interface MethodTool {
  readonly tool: Tool
  /** `math@2.add` */
  readonly method: string
  /** `service:math.add`, as the policy names it. */
  readonly to: string
  /** ms that its contract gives it. */
  readonly timeoutMs: number | undefined
  /** It sends messages before its result. */
  readonly streams: boolean
  /** @throws MeshError invalid_argument */
  callOf(args: Readonly<Record<string, unknown>>): ToolCall
}

type Schema = Record<string, unknown>

const memberArgument = {
  type: 'string',
  description: 'Name or peer id of the only member to ask; without it, any that serves the method.',
}

/** Undefined for a method that takes messages while it runs: a tool has its arguments at once. */
export function methodTool(ref: string, described: DescribedMethod): MethodTool | undefined {
  const { name, about, params = {}, takes, yields } = described
  if (takes !== undefined) return undefined
  const service = ref.slice(0, ref.lastIndexOf('@'))
  const hasRoom = isObjectSchema(params)
  const told = about === undefined ? 'A method of the mesh.' : toldText(about)
  return {
    tool: {
      name: toolName(service, name),
      title: toldText(`${service}.${name}`),
      description:
        yields === undefined ? told : `${told} Its messages come as progress, then all with its result.`,
      inputSchema: (hasRoom ? withMember(params) : wrapped(params)) as Tool['inputSchema'],
      annotations: annotationsOf(described),
    },
    method: `${ref}.${name}`,
    to: methodTarget(service, name),
    timeoutMs: described.timeoutMs,
    streams: yields !== undefined,
    callOf: ({ member, ...args }) => ({
      params: hasRoom ? args : args['params'],
      member: memberIn(member),
    }),
  }
}

const isObjectSchema = ({ type, properties = {}, anyOf, oneOf, allOf, $ref }: Schema): boolean =>
  type === 'object' &&
  anyOf === undefined &&
  oneOf === undefined &&
  allOf === undefined &&
  $ref === undefined &&
  typeof properties === 'object' &&
  properties !== null &&
  !Object.hasOwn(properties, 'member')

function withMember(params: Schema): object {
  const { $schema: _, properties = {}, ...rest } = toldSchema(params) as Schema
  return { ...rest, properties: { ...(properties as Schema), member: memberArgument } }
}

/** Definitions stay at the root: references to them begin there. */
function wrapped(schema: Schema): object {
  const { $schema: _, $defs, ...params } = toldSchema(schema) as Schema
  const isAny = Object.keys(params).length === 0
  return {
    type: 'object',
    properties: { params, member: memberArgument },
    ...(!isAny && { required: ['params'] }),
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
  }
}

/** Of words of a later version nothing is said: then assistants expect the worst. */
function annotationsOf({ effects, idempotent }: DescribedMethod): NonNullable<Tool['annotations']> {
  return {
    ...(effects === 'read' && { readOnlyHint: true }),
    ...(effects === 'write' && { readOnlyHint: false, destructiveHint: false }),
    ...(effects === 'destroy' && { readOnlyHint: false, destructiveHint: true }),
    ...(idempotent !== undefined && { idempotentHint: idempotent }),
  }
}

export function memberIn(member: unknown): string | undefined {
  if (member === undefined || (typeof member === 'string' && member.length >= 1 && member.length <= 128))
    return member
  throw new MeshError('invalid_argument', "Cannot call the tool: 'member' is no name or peer id of a member")
}
