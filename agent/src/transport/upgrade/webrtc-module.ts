/**
 * The native module of WebRTC: loaded by the first attempt that needs it, because it takes 20 MB and may be missing on a
 * platform; cleaned up when the last member of the process that used it stops, because its threads keep a process alive.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { toMeshError } from '@agent-mesh/protocol'
import { upgradeDefaults } from './defaults.ts'

type Factory = (typeof import('@libp2p/webrtc'))['webRTC']

let users = 0

export class WebRtcModule {
  #loading: Promise<Factory> | undefined
  #failed = false

  /** False once loading has failed. */
  get available(): boolean {
    return !this.#failed
  }

  /** @throws MeshError unsupported when it is not installed, or not for this platform */
  load(): Promise<Factory> {
    return (this.#loading ??= this.#load())
  }

  async #load(): Promise<Factory> {
    try {
      // Its ASN.1 libraries need it in place before they are loaded; bundlers keep no such order.
      await import('reflect-metadata')
      const { webRTC } = await import('@libp2p/webrtc')
      users++
      return webRTC
    } catch (error) {
      this.#failed = true
      throw toMeshError(error, 'unsupported', 'load WebRTC')
    }
  }

  /** After all its connections are closed. */
  async release(): Promise<void> {
    const loaded = await this.#loading?.then(
      () => true,
      () => false,
    )
    this.#loading = undefined
    if (loaded !== true) return
    await delay(upgradeDefaults.webrtcCleanupMs)
    if (--users > 0) return
    const { cleanup } = await import('node-datachannel')
    cleanup()
  }
}
