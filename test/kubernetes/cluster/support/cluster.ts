/** A control plane of Kubernetes on this machine: etcd, kube-apiserver, kube-controller-manager, and one node without a kubelet. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'

import { endChild } from '../../../support/command.ts'
import { freePort } from '../../../support/free-port.ts'
import { pythonTools } from '../../../support/python.ts'
import { kubernetesTools } from '../../support/tools.ts'
import { ApiServer } from './api-server.ts'
import { builtPrograms } from './built-programs.ts'
import { StandInNode } from './stand-in-node.ts'

const run = promisify(execFile)
const patience = { timeout: 240_000, interval: 500 }

export class Cluster {
  readonly folder: string
  readonly api: ApiServer
  readonly node: StandInNode
  readonly #children: ChildProcess[] = []

  private constructor(folder: string, api: ApiServer) {
    this.folder = folder
    this.api = api
    this.node = new StandInNode(api)
  }

  static async start(): Promise<Cluster> {
    const programs = await builtPrograms('kube-apiserver', 'kube-controller-manager')
    const etcd = join(await pythonTools('kubernetes/cluster/requirements.txt'), 'etcd')
    const folder = await mkdtemp(join(tmpdir(), 'cluster-'))
    const [token, port] = [randomUUID(), await freePort()]
    const cluster = new Cluster(folder, new ApiServer(port, token))
    try {
      await cluster.#start(etcd, programs, port, token)
    } catch (error) {
      const said = await cluster.#said()
      await cluster.end()
      throw new Error(`the cluster does not start: ${said}`, { cause: error })
    }
    return cluster
  }

  async #start(etcd: string, programs: string, port: number, token: string): Promise<void> {
    const within = (name: string) => join(this.folder, name)
    const [client, peer] = [await freePort(), await freePort()].map(it => `http://127.0.0.1:${it}`)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    await writeFile(within('service-accounts.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }))
    await writeFile(within('tokens.csv'), `${token},admin,admin,system:masters\n`)
    await writeFile(this.kubeconfig, kubeconfigOf(port, token))
    this.#spawn(etcd, [
      ...['--data-dir', within('etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', `${client}`, '--advertise-client-urls', `${client}`],
      ...['--listen-peer-urls', `${peer}`, '--initial-advertise-peer-urls', `${peer}`],
      ...['--initial-cluster', `default=${peer}`],
    ])
    this.#spawn(join(programs, 'kube-apiserver'), [
      ...[`--etcd-servers=${client}`, `--secure-port=${port}`, '--bind-address=127.0.0.1'],
      ...[`--cert-dir=${within('certificates')}`, `--token-auth-file=${within('tokens.csv')}`],
      // Its cache waits for progress that this release of etcd does not report.
      '--watch-cache=false',
      ...['--authorization-mode=RBAC', '--service-cluster-ip-range=10.96.0.0/16'],
      ...['--endpoint-reconciler-type=none', '--service-account-issuer=https://kubernetes.default.svc'],
      `--service-account-key-file=${within('service-accounts.pem')}`,
      `--service-account-signing-key-file=${within('service-accounts.pem')}`,
    ])
    await vi.waitFor(() => this.api.ask('GET', '/readyz'), patience)
    this.#spawn(join(programs, 'kube-controller-manager'), [
      ...[`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
      `--service-account-private-key-file=${within('service-accounts.pem')}`,
      // The node sends no heartbeats.
      '--controllers=*,-node-lifecycle-controller,-taint-eviction-controller',
    ])
    await vi.waitFor(
      () => this.api.ask('GET', '/api/v1/namespaces/default/serviceaccounts/default'),
      patience,
    )
    await this.node.start()
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig')
  }

  /** Of kubectl and Helm, as deploy.sh finds them. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const { helm, kubectl } = await kubernetesTools()
    const path = [helm, kubectl].map(file => join(file, '..')).join(':')
    // Helm keeps what it caches there, too.
    const homes = { HELM_CACHE_HOME: this.folder, HELM_CONFIG_HOME: this.folder, HELM_DATA_HOME: this.folder }
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
    await this.node.stop()
    for (const child of this.#children.reverse()) await endChild(child)
    await rm(this.folder, { recursive: true, force: true })
  }

  #spawn(file: string, args: readonly string[]): void {
    const log = createWriteStream(`${this.folder}/log`, { flags: 'a' })
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false })
    this.#children.push(child)
  }

  /** The end of their logs. */
  async #said(): Promise<string> {
    const text = await readFile(join(this.folder, 'log'), 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-20).join('\n')
  }
}

const kubeconfigOf = (port: number, token: string): string => `apiVersion: v1
kind: Config
current-context: test
contexts: [{ name: test, context: { cluster: test, user: admin } }]
clusters: [{ name: test, cluster: { server: 'https://127.0.0.1:${port}', insecure-skip-tls-verify: true } }]
users: [{ name: admin, user: { token: ${token} } }]
`
