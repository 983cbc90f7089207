/** A control plane of Kubernetes on this machine: etcd, kube-apiserver, kube-controller-manager. It has no node. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'

import { freePort } from '../../../support/free-port.ts'
import { pythonTools } from '../../../support/python.ts'
import { kubernetesTools } from '../../support/tools.ts'
import { ApiServer } from './api-server.ts'
import { builtPrograms } from './built-programs.ts'
import { Programs } from './programs.ts'

const run = promisify(execFile)
const patience = { timeout: 240_000, interval: 500 }

export interface ClusterInit {
  /** Where its folder comes. @default that of the system for temporary ones */
  parent?: string
  /** Address at which nodes and this process reach the API server. @default that of loopback */
  host?: string
  /** Of `--controllers`. @default all */
  controllers?: string
  /** The command line that runs a program where {@link host} is. @default it runs as it is */
  within?: (file: string, ...args: string[]) => [file: string, args: string[]]
}

export class Cluster {
  readonly #folder: string
  readonly api: ApiServer
  readonly #init: Required<Omit<ClusterInit, 'parent'>>
  readonly #programs: Programs

  private constructor(folder: string, api: ApiServer, init: Required<Omit<ClusterInit, 'parent'>>) {
    this.#folder = folder
    this.api = api
    this.#init = init
    this.#programs = new Programs(join(folder, 'log'))
  }

  static async start({ parent = tmpdir(), ...given }: ClusterInit = {}): Promise<Cluster> {
    const asItIs = (file: string, ...args: string[]): [string, string[]] => [file, args]
    const init = { host: '127.0.0.1', controllers: '*', within: asItIs, ...given }
    const programs = await builtPrograms('kube-apiserver', 'kube-controller-manager')
    const etcd = join(await pythonTools('kubernetes/cluster/requirements.txt'), 'etcd')
    const folder = await mkdtemp(join(parent, 'cluster-'))
    const [token, port] = [randomUUID(), await freePort()]
    const cluster = new Cluster(folder, new ApiServer(init.host, port, token), init)
    try {
      await cluster.#startAll(etcd, programs, port, token)
    } catch (error) {
      const said = await cluster.#programs.said()
      await cluster.end()
      throw new Error(`the cluster does not start: ${said}`, { cause: error })
    }
    return cluster
  }

  async #startAll(etcd: string, programs: string, port: number, token: string): Promise<void> {
    const [client, peer] = [await freePort(), await freePort()].map(it => `http://127.0.0.1:${it}`)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    await writeFile(this.#file('service-accounts.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }))
    await writeFile(this.#file('tokens.csv'), `${token},admin,admin,system:masters\n`)
    await writeFile(this.kubeconfig, kubeconfigOf(this.#init.host, port, token))
    this.#start(etcd, [
      ...['--data-dir', this.#file('etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', `${client}`, '--advertise-client-urls', `${client}`],
      ...['--listen-peer-urls', `${peer}`, '--initial-advertise-peer-urls', `${peer}`],
      ...['--initial-cluster', `default=${peer}`],
    ])
    this.#start(join(programs, 'kube-apiserver'), [
      ...[`--etcd-servers=${client}`, `--secure-port=${port}`, `--bind-address=${this.#init.host}`],
      '--kubelet-preferred-address-types=InternalIP',
      ...[`--cert-dir=${this.#file('certificates')}`, `--token-auth-file=${this.#file('tokens.csv')}`],
      // Its cache waits for progress that this release of etcd does not report.
      '--watch-cache=false',
      ...['--authorization-mode=RBAC', '--service-cluster-ip-range=10.96.0.0/16'],
      ...['--endpoint-reconciler-type=none', '--service-account-issuer=https://kubernetes.default.svc'],
      `--service-account-key-file=${this.#file('service-accounts.pem')}`,
      `--service-account-signing-key-file=${this.#file('service-accounts.pem')}`,
    ])
    await vi.waitFor(() => this.api.ask('GET', '/readyz'), patience)
    this.#start(join(programs, 'kube-controller-manager'), [
      ...[`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
      `--service-account-private-key-file=${this.#file('service-accounts.pem')}`,
      // Pods wait for what it gives them.
      `--root-ca-file=${this.#file('certificates/apiserver.crt')}`,
      `--controllers=${this.#init.controllers}`,
    ])
    await vi.waitFor(
      () => this.api.ask('GET', '/api/v1/namespaces/default/serviceaccounts/default'),
      patience,
    )
  }

  get kubeconfig(): string {
    return this.#file('kubeconfig')
  }

  /** Of kubectl and Helm, as deploy.sh finds them. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const { helm, kubectl } = await kubernetesTools()
    const path = [helm, kubectl].map(file => join(file, '..')).join(':')
    // Helm keeps what it caches there, too.
    const home = this.#folder
    const homes = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
    return { ...process.env, ...homes, PATH: `${path}:${process.env['PATH']}`, KUBECONFIG: this.kubeconfig }
  }

  /** Runs kubectl to its end. @returns what it prints, with its warnings; rejects with what it says is wrong */
  async kubectl(...args: string[]): Promise<string> {
    const { kubectl } = await kubernetesTools()
    const options = { env: await this.environment(), maxBuffer: 64 * 1024 * 1024 }
    const { stdout, stderr } = await run(kubectl, args, options)
    return stdout + stderr
  }

  async end(): Promise<void> {
    await this.#programs.end()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }

  /** The system ends it with this process, however that ends. */
  #start(file: string, args: readonly string[]): void {
    this.#programs.start(...this.#init.within('setpriv', '--pdeathsig', 'KILL', file, ...args))
  }
}

const kubeconfigOf = (host: string, port: number, token: string): string => `apiVersion: v1
kind: Config
current-context: test
contexts: [{ name: test, context: { cluster: test, user: admin } }]
clusters: [{ name: test, cluster: { server: 'https://${host}:${port}', insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: ${token} } }]
`
