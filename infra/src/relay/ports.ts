/** Public ports of relays; Let's Encrypt asks for its proof at `certificate`. */
export const relayPorts = { mesh: 4001, tls: 443, certificate: 80, stun: 3478, secondStun: 3479 } as const
