/** News of other members, before they are believed: what says that a member is alive, or left, must be signed by that member. */
import type { VerifiedHead } from '@agent-mesh/protocol'
import type { News } from '@agent-mesh/protocol/wire/index'
import type { Logger } from '../observe/logger.ts'
import { isPossible, provedAlive, provedLeft, type ProvedMember } from './swim-proof.ts'

export interface NewsCheckInit {
  /** Own peer id. */
  self: string
  keys: () => VerifiedHead['keys']
  /** Whether the membership of this enrolment ended. */
  isEnded: (peerId: string, serial: string) => boolean
  /** Puts a member into the map. */
  learn: (member: ProvedMember) => Promise<unknown>
  isKnown: (peerId: string) => boolean
  /** Whether it would change what is known. */
  isNews: (news: News) => boolean
  /** Unix ms. */
  unixMs: () => number
  log: Pick<Logger, 'debug'>
  onChecked: (from: string, news: readonly News[]) => void
}

/** Messages that wait for their check (a count): 20 signatures each at the most, 0.25 ms of CPU for one. */
const waitingMost = 64

export class NewsCheck {
  readonly #init: NewsCheckInit
  #running: Promise<void> = Promise.resolve()
  #waiting = 0
  #stopped = false

  constructor(init: NewsCheckInit) {
    this.#init = init
  }

  /** Of more than can be checked the next digest brings what was missed. */
  take(from: string, news: readonly News[]): void {
    const { isNews, self, unixMs } = this.#init
    const now = unixMs()
    const fresh = news.filter(
      each => isPossible(each.incarnation, now) && (each.peerId === self || isNews(each)),
    )
    if (fresh.length === 0 || this.#stopped) return
    if (this.#waiting === 0 && fresh.every(({ state }) => state === 'dead')) return this.#tell(from, fresh)
    if (this.#waiting >= waitingMost) return
    this.#waiting++
    this.#running = this.#running.then(async () => {
      await this.#check(from, fresh)
      this.#waiting--
    })
  }

  stop(): void {
    this.#stopped = true
  }

  /** Never rejects. */
  async #check(from: string, news: readonly News[]): Promise<void> {
    const { self, keys, isEnded, learn, log } = this.#init
    const members: ProvedMember[] = []
    const checked: News[] = []
    for (const each of news) {
      if (this.#stopped) return
      try {
        if (each.state === 'left') await provedLeft(each)
        if (each.state === 'alive') {
          const member = await provedAlive(each, keys())
          if (isEnded(each.peerId, member.credential.serial)) continue
          if (each.peerId !== self) members.push(member)
        }
        checked.push(each)
      } catch (err) {
        log.debug({ event: 'news-refused', peerId: each.peerId, err }, 'news of a member not believed')
      }
    }
    this.#tell(from, checked)
    for (const member of members)
      await learn(member).catch((err: unknown) =>
        log.debug({ event: 'news-not-mapped', peerId: member.peerId, err }, 'not put into the map'),
      )
  }

  /** The death of a member that is not known would only take room. */
  #tell(from: string, news: readonly News[]): void {
    const { isKnown, self, onChecked } = this.#init
    const known = news.filter(({ peerId, state }) => state !== 'dead' || peerId === self || isKnown(peerId))
    if (known.length > 0 && !this.#stopped) onChecked(from, known)
  }
}
