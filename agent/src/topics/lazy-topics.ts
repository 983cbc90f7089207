/** Topics, loaded with their first use here or by a peer: most agents have none. */
import type { MeshError } from '@agent-mesh/protocol'
import type { ByteStream } from '../core/byte-stream.ts'
import type { StreamPeer } from './hub/serve-agent.ts'
import type { Topics, TopicsInit } from './topics.ts'

export class LazyTopics {
  readonly #init: () => TopicsInit
  #loading: Promise<Topics> | undefined
  #stopped = false

  /** @param init what they need, made with their first use */
  constructor(init: () => TopicsInit) {
    this.#init = init
  }

  get(): Promise<Topics> {
    return (this.#loading ??= import('./topics.ts').then(({ Topics }) => new Topics(this.#init())))
  }

  /** Handles the stream of an agent that subscribes here. */
  readonly serve = (stream: ByteStream, peer: StreamPeer): void => {
    if (this.#stopped) return stream.close()
    this.get().then(
      topics => topics.serve(stream, peer),
      (error: MeshError) => stream.abort(error),
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await (await this.#loading)?.stop()
  }
}
