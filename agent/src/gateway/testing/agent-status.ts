/** What a stand-in for the agent of this machine answers to `GET /v1/status`. */
export const agentStatus = {
  kind: 'agent',
  version: '0',
  pid: 1,
  startedAt: 0,
  meshId: 'm',
  peerId: 'p',
  name: 'host',
  ready: true,
  warnings: [],
  relays: [],
  addrs: [],
  services: [],
  members: { known: 2, online: 2 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}
