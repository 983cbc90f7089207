/** Ports that relays are reached at, from anywhere; `certificate` is where Let's Encrypt asks for its proof. */
export const relayPorts = { mesh: 4001, tls: 443, certificate: 80, stun: 3478, secondStun: 3479 } as const
