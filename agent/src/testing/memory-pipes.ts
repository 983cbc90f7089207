/** Pipes of a member of a test mesh, and what travels over them: large bodies, files. By the code of real agents. */
import { Pipes } from '../agent/pipes.ts'
import { ServedPipes, type PipeMember } from '../agent/served-pipes.ts'
import { BodyExchange, OutgoingTransfers } from '../rpc/index.ts'
import type { Authorize } from '../services/index.ts'
import type { TakePipe } from './memory-end.ts'
import type { LinkedMember, MemoryLinks } from './memory-links.ts'
import type { SharedKnowledge } from './memory-targets.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface MemoryPipesInit {
  readonly self: LinkedMember
  readonly known: SharedKnowledge
  readonly links: MemoryLinks
  readonly time: VirtualTime
  readonly authorize: Authorize
}

export class MemoryPipes {
  readonly bodies = new BodyExchange()
  readonly transfers: OutgoingTransfers
  readonly served: ServedPipes
  readonly pipes: Pipes
  #take: TakePipe | undefined

  constructor({ self, known, links, time, authorize }: MemoryPipesInit) {
    const { startTimer } = time
    const peerId = self.subject.sub
    this.transfers = new OutgoingTransfers(peerId, startTimer)
    const member: PipeMember = {
      transport: { handleDuplex: (_protocol, take) => void (this.#take = take) },
      serving: { authorize, bodies: this.bodies, transfers: this.transfers },
      identity: { peerId },
      credential: { claims: self.subject },
    }
    this.served = new ServedPipes(member, undefined, startTimer)
    void this.served.start()
    const targets = {
      find: (peer: string) => known.find(peer)?.peerId,
      link: async (to: string) => links.open(self, known.members.get(to)!),
    }
    this.pipes = new Pipes({ member, targets, served: this.served, startTimer, now: () => time.now() })
  }

  readonly take: TakePipe = (pipe, link) => this.#take?.(pipe, link)
}
