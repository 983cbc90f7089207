/** Parsers of names and ids, which refuse what the control plane and the agent would; as those of arguments.ts. */
import { fieldForms, type FieldForm } from '@agent-mesh/protocol/field-forms'
import { InvalidArgumentError } from 'commander'

import { collect } from './arguments.ts'

/** @param like what is expected, when that is more than one form */
const parser =
  (forms: readonly FieldForm[], like?: string) =>
  (text: string): string => {
    if (forms.some(({ pattern }) => pattern.test(text))) return text
    throw new InvalidArgumentError(`It ${like ?? forms[0]?.not}.`)
  }

const { topic, topicPattern, topicGroup, portName, selector } = fieldForms
const { name, label, serviceName, serviceRef, peerId, serial, tokenId, method } = fieldForms

export const parseName = parser([name])
/** A role, a tag or a region. */
export const parseLabel = parser([label])
export const parseTokenId = parser([tokenId])
export const parseMethod = parser(
  [method],
  'is not a method: write service.method, like math.add or math@2.add',
)
export const parseService = parser(
  [serviceName, serviceRef],
  'is not a service: write a name, or name@version',
)
/** The argument of "describe". */
export const parseServiceOrMethod = parser(
  [serviceName, serviceRef, method],
  'is not a service or a method: write math, math@2 or math.add',
)
/** A member, as the running agent names it. */
export const parsePeer = parser([name, peerId], 'is neither a name nor a peer id (12D3KooW…)')
/** Those that may be given several times. */
export const collectPeer = (text: string, before: readonly string[] | undefined): string[] =>
  collect(parsePeer(text), before)
/** A member, as the control plane names it. */
export const parseMember = parser(
  [name, peerId, serial],
  'is neither a name, a peer id (12D3KooW…) nor a serial',
)

export const parseTopic = parser([topic])
export const parseTopicPattern = parser([topicPattern])
export const parseGroup = parser([topicGroup])

export const parsePortName = parser([portName])
/** Members for whom a port is opened; may be given several times. */
export const collectSelectors = (text: string, before: readonly string[] | undefined): string[] =>
  collect(parser([selector])(text), before)

/** `web-1:ssh`: a port of a member, by the name that it is exposed as. */
export function parseMemberPort(text: string): { peer: string; port: string } {
  const at = text.indexOf(':')
  if (at < 1) throw new InvalidArgumentError('It is not MEMBER:PORT, like web-1:ssh.')
  return { peer: parsePeer(text.slice(0, at)), port: parsePortName(text.slice(at + 1)) }
}

/** `grafana.web-1`, as the address of a browser has it; or as {@link parseMemberPort}. */
export function parsePortOfMember(text: string): { peer: string; port: string } {
  const at = text.lastIndexOf('.')
  if (text.includes(':')) return parseMemberPort(text)
  if (at < 1) throw new InvalidArgumentError('It is not PORT.MEMBER, like grafana.web-1.')
  return { peer: parseName(text.slice(at + 1)), port: parsePortName(text.slice(0, at)) }
}

/** The subject of a policy decision. */
export const parseSubject = parser(
  [name, peerId, selector],
  'is neither a member (name, peer id) nor a selector (role:ops, tag:web, *)',
)

/** Kinds of targets are left to the policy. */
const target: FieldForm = { pattern: /^[a-z]+:[A-Za-z0-9._/*-]{1,127}$/, not: 'is not a target' }
export const parseTarget = parser(
  [target],
  'is not a target: write service:math.add, topic:alerts, port:ssh or admin:tokens',
)

/** For roles and tags, which may be given several times. */
export const collectLabels = (text: string, before: readonly string[] | false | undefined): string[] =>
  collect(parseLabel(text), before)

/** The purpose of a token: one line. */
export function parseNote(text: string): string {
  if (/^\P{C}{1,128}$/u.test(text)) return text
  throw new InvalidArgumentError('It is not one line of 1 to 128 characters.')
}
