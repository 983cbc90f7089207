/** Of links, paths and relays. */
export const pathEvents = {
  'transport-error': ['debug', 'An error below the links, of libp2p or a socket.'],
  'network-changed': [
    'info',
    'Addresses of this host changed; links are probed and the record is published anew.',
  ],
  'network-not-followed': ['error', 'A change of the network could not be handled: a defect.'],
  'connection-refused': ['info', 'A peer was not admitted at hello; `code` and `reason` say why.'],
  'path-upgrade-ended': ['debug', 'A search for a direct path ended with `result`.'],
  'known-addresses-lost': [
    'warn',
    'The file of addresses that worked is damaged; dialling starts without it.',
  ],
  'known-addresses-not-kept': [
    'warn',
    'The file of addresses that worked could not be written: look at the disk.',
  ],
  'circuit-replaced': ['debug', 'A link moved to another relay before its own one stops.'],
  'circuit-not-replaced': ['debug', 'No other relay carried the link yet; it is tried again.'],
  'path-silent': ['info', 'A path with calls on it is silent; another is opened.'],
  'path-rescued': ['info', 'Calls to `peerId` continue over `path`.'],
  'path-not-rescued': ['warn', 'No other path to `peerId` was found; its calls fail by their deadline.'],
  'stun-not-started': [
    'warn',
    'The relay could not open its STUN port; agents use other relays to learn their address.',
  ],
  'relay-stopping': ['info', 'A relay stops; `circuits` move to others first.'],
  'circuits-cut': [
    'warn',
    'A relay stopped while `circuits` were in use; calls on them are retried elsewhere.',
  ],
  'circuit-quota-used': ['warn', 'A member used its bytes of the day at this relay.'],
  'circuit-denied': ['info', 'A relay refused a circuit or a reservation; `reason` says why.'],
  'watch-not-opened': ['debug', 'A relay could not open its WebSocket to the control plane; it polls.'],
  'watch-failed': ['debug', 'A WebSocket between relay and control plane failed; it is opened again.'],
  'push-refused': ['warn', 'What the control plane pushed was not valid; the relay polls instead.'],
} as const
