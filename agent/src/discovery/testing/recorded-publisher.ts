import { MeshError, type MemberView } from '@agent-mesh/protocol'
import { openMemberStore, type MemberStore } from '../../membership/member-store.ts'
import { systemClock } from '../../observe/clock.ts'
import { createLogger } from '../../observe/logger.ts'
import { OwnRecord, type OwnRecordInit } from '../own-record.ts'
import { RecordPublisher } from '../record-publisher.ts'

export interface RecordedPublisherInit {
  member: Pick<OwnRecordInit, 'signer' | 'serial'>
  /** Each record that reaches the control plane; rejects as that does. */
  onPublish: (record: string) => Promise<void>
  store?: MemberStore
  clock?: typeof systemClock
  /** What the control plane shows as the record of this member. @default none */
  shown?: () => Promise<MemberView>
  /** What the signed list says of this member. @default false */
  isRevoked?: () => boolean
}

/** A started publisher of the record of `member`, at a control plane that is the functions given. */
export async function startRecordedPublisher({
  member,
  onPublish,
  store = openMemberStore(':memory:'),
  clock = systemClock,
  shown = () => Promise.reject(new MeshError('not_found', 'Cannot find member')),
  isRevoked = () => false,
}: RecordedPublisherInit): Promise<RecordPublisher> {
  const { signer, serial } = member
  const fields = { addrs: [], homeRelays: [], services: ['math@2'] }
  const publisher = new RecordPublisher({
    own: new OwnRecord({ signer, store, clock, serial, fields }),
    client: {
      publish: async record => {
        await onPublish(record)
        return { incarnation: 0 }
      },
      member: () => shown(),
    },
    clock,
    log: createLogger('test', 'silent'),
    isRevoked: () => Promise.resolve(isRevoked()),
  })
  await publisher.start()
  return publisher
}
