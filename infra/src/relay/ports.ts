/** Ports that relays are reached at, from anywhere. */
export const relayPorts = { mesh: 4001, tls: 443, stun: 3478, secondStun: 3479 } as const
