/** Evictions as "kubectl drain" asks for them. */
import { expect, vi } from 'vitest'
import { ApiFailure, type ApiServer } from './api-server.ts'

export class Evictions {
  readonly #api: ApiServer
  readonly #namespace: string
  readonly #patience: { timeout: number; interval: number }

  constructor(api: ApiServer, namespace: string, patience: { timeout: number; interval: number }) {
    this.#api = api
    this.#namespace = namespace
    this.#patience = patience
  }

  /** Evicts a pod as soon as its disruption budget allows it. */
  async evict(name: string): Promise<void> {
    await vi.waitFor(() => this.#ask(name), this.#patience)
  }

  /** Expects that the disruption budget keeps a pod. */
  async expectRefusal(name: string): Promise<void> {
    const refused = (await this.#ask(name).catch((error: unknown) => error)) as ApiFailure
    expect(refused).toBeInstanceOf(ApiFailure)
    expect([refused.status, refused.message]).toEqual([429, expect.stringContaining('disruption budget')])
  }

  #ask(name: string): Promise<unknown> {
    return this.#api.ask('POST', `/api/v1/namespaces/${this.#namespace}/pods/${name}/eviction`, {
      ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: this.#namespace } },
    })
  }
}
