import type { MembershipQuery } from '@agent-mesh/agent/discovery/control-plane-client'
import type { Membership } from '@agent-mesh/protocol/api/memberships'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Command } from 'commander'

import { collectLabels, parseLabel, parseMember, parseName, parseService } from '../name-arguments.ts'
import { allMemberships, stateOf } from '../data/memberships.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { confirmMember } from './confirm-member.ts'
import { groupOf, onCall, type Finish } from './define.ts'

interface ListOptions {
  online?: boolean
  role?: string
  service?: string
  region?: string
}

export const registerMembers = groupOf({
  name: 'members',
  description: 'list, change and remove members',
  help: '\nThese commands ask the control plane with the admin key of the context. A member is named by name, peer id or serial.',
  commands: [registerList, registerShow, registerRename, registerTag, registerMove, registerRemove],
})

function registerList(members: Command, finish: Finish): void {
  const command = members
    .command('list')
    .description('list members, by name')
    .option('--online', 'only members that are online')
    .option('--role <role>', 'only members with this role', parseLabel)
    .option('--service <service>', 'only members that provide this service: math, or math@2', parseService)
    .option('--region <region>', 'only members of this region', parseLabel)
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh members list
  $ agent-mesh members list --online --service math
  $ agent-mesh members list --role relay --json`,
    )
  onCall<ListOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const found = await askControlPlane(settings, client => allMemberships(client, queryOf(options), signal))
    output.result({ members: found }, () =>
      output.table(
        ['NAME', 'STATE', 'ROLES', 'TAGS', 'REGION', 'SERVICES', 'JOINED', 'PEER ID'],
        found.map(member => [
          member.name,
          stateOf(member),
          member.roles.join(' '),
          member.tags.join(' ') || '-',
          member.region ?? '-',
          member.services.join(' ') || '-',
          new Date(member.joinedAt).toISOString().slice(0, 10),
          member.peerId,
        ]),
      ),
    )
  })
}

const queryOf = ({ online, role, service, region }: ListOptions): MembershipQuery => ({
  ...(online === true && { online: 'true' }),
  ...(role !== undefined && { role }),
  ...(service !== undefined && { service }),
  ...(region !== undefined && { region }),
})

function registerShow(members: Command, finish: Finish): void {
  const command = members
    .command('show')
    .description('show one member')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh members show web-1')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, who) => {
    const member = await askControlPlane(settings, client => client.membership(who, signal))
    output.result(member, () => output.table(['', ''], factsOf(member)))
  })
}

const factsOf = (member: Membership): [string, string][] => [
  ['name', member.name],
  ['state', stateOf(member)],
  ['peer id', member.peerId],
  ['serial', member.serial],
  ['roles', member.roles.join(' ')],
  ['tags', member.tags.join(' ') || '-'],
  ['region', member.region ?? '-'],
  ['services', member.services.join(' ') || '-'],
  ['home relay', member.at ?? '-'],
  ['ephemeral', member.ephemeral ? 'yes' : 'no'],
  ['joined', new Date(member.joinedAt).toISOString()],
  ['with token', member.token],
  ['credential expires', new Date(member.credentialExpires).toISOString()],
]

function registerRename(members: Command, finish: Finish): void {
  const command = members
    .command('rename')
    .description('give a member another name')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .argument('<name>', 'the new name, which no member has', parseName)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh members rename web-1 web-9')
  onCall<object, [string, string]>(command, finish, async ({ settings, output, signal }, who, name) => {
    const member = await askControlPlane(settings, client => client.amendMembership(who, { name }, signal))
    output.result(member, () => `${who} is now ${member.name} (${member.peerId}).`)
  })
}

function registerTag(members: Command, finish: Finish): void {
  const command = members
    .command('tag')
    .description('add and remove tags of a member')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .option('--add <tag>', 'tag to add; may be repeated', collectLabels)
    .option('--remove <tag>', 'tag to remove; may be repeated', collectLabels)
    .addHelpText(
      'after',
      `
A connected member shows its new credential within seconds. A dishonest machine can show an older credential until that
expires, 21 days at most: to withdraw a right from a machine that you do not trust, revoke it.

Examples:
  $ agent-mesh members tag web-1 --add gpu --remove cpu`,
    )
  type Options = { add?: string[]; remove?: string[] }
  onCall<Options, [string]>(command, finish, async ({ settings, options, output, signal }, who) => {
    const { add = [], remove = [] } = options
    if (add.length + remove.length === 0)
      throw new MeshError('invalid_argument', `Cannot tag ${who}: neither --add nor --remove is given`)
    const member = await askControlPlane(settings, async client => {
      const { peerId, tags } = await client.membership(who, signal)
      const next = [...new Set([...tags, ...add])].filter(tag => !remove.includes(tag))
      return client.amendMembership(peerId, { tags: next }, signal)
    })
    output.result(member, () => `Tags of ${member.name}: ${member.tags.join(' ') || 'none'}.`)
  })
}

function registerMove(members: Command, finish: Finish): void {
  const command = members
    .command('move')
    .description('set the region of a member')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .argument('<region>', 'the new region', parseLabel)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh members move web-1 eu-1')
  onCall<object, [string, string]>(command, finish, async ({ settings, output, signal }, who, region) => {
    const member = await askControlPlane(settings, client => client.amendMembership(who, { region }, signal))
    output.result(member, () => `${member.name} is in region ${member.region ?? region}.`)
  })
}

function registerRemove(members: Command, finish: Finish): void {
  const command = members
    .command('remove')
    .description('end a membership; the key may join again')
    .argument('<who>', 'name, peer id or serial', parseMember)
    .option('-y, --yes', 'do not ask first')
    .addHelpText(
      'after',
      `
The links of the member end within seconds, its record leaves the map and its name is free. The key may join again with a
new token; to refuse it permanently: agent-mesh revoke.

Examples:
  $ agent-mesh members remove web-1
  $ agent-mesh members remove web-1 --yes`,
    )
  type Options = { yes?: boolean }
  onCall<Options, [string]>(command, finish, async ({ settings, options, output, signal }, who) => {
    if (options.yes !== true)
      await confirmMember(settings, who, { action: 'remove', question: 'End its membership?', signal })
    const gone = await askControlPlane(settings, client => client.removeMembership(who, signal))
    output.result(gone, () => `${gone.name} (${gone.peerId}) is removed (revocation list ${gone.number}).`)
  })
}
