/** Of joining, credentials, records, the map and failure detection. */
export const membershipEvents = {
  'token-not-redeemed': [
    'warn',
    'The join token was not accepted; the member starts with the enrolment in its data folder.',
  ],
  'join-retried': [
    'warn',
    'The control plane did not answer or refused; `reason` says why, `retryMs` when the next try is.',
  ],
  'name-changed': ['warn', 'Another member has the name that was asked for; this one got `name`.'],
  'credential-replaced': ['info', 'This member has a new credential, valid until `expires`.'],
  'credential-not-renewed': [
    'warn',
    'The control plane did not renew the credential; it ends 14 days after its issue.',
  ],
  'control-plane-unreachable': [
    'warn',
    'The control plane does not answer; at most one line a minute. Members keep calling each other.',
  ],
  'control-plane-still-unreachable': [
    'debug',
    'One more request failed within the same minute of an outage.',
  ],
  'record-not-signed': [
    'error',
    'The record of this member could not be signed; others keep the one before.',
  ],
  'record-not-signed-anew': [
    'error',
    'The record could not be signed with a higher incarnation after others held this member for dead.',
  ],
  'record-refused': [
    'error',
    'The control plane refused the record for good; others do not see what changed.',
  ],
  'record-not-published': ['warn', 'The record was not published; it is tried again.'],
  'record-change-not-published': [
    'error',
    'What changed (services, credential, place in the map) was not published; the text says which.',
  ],
  'services-not-withdrawn': [
    'warn',
    'A member that leaves could not withdraw its services; callers find out by their first call.',
  ],
  'departure-not-published': [
    'warn',
    'A member that leaves could not say so; the control plane removes it after 10 min.',
  ],
  'clock-jumped': ['warn', 'The clock jumped by `ms`; what a wrong clock refused is looked at again.'],
  'clock-not-followed': ['error', 'After a jump of the clock the record or the map could not be renewed.'],
  'key-cloned': [
    'warn',
    'Two processes use the data folder of `peerId`: stop one, or let it join with a token of its own.',
  ],
  'revocations-not-read': [
    'warn',
    'The signed list of revocations was not valid; the known one stays in force.',
  ],
  'self-revoked': ['error', 'This member was revoked or removed: others refuse it. `hint` says what to do.'],
  'member-cut-off': [
    'info',
    'Links to a member that was revoked or removed are closed, `afterMs` after the act.',
  ],
  'farewell-not-sent': [
    'debug',
    'Members were not informed of the departure; they find out by failure detection.',
  ],
  'watched-member-unreachable': ['debug', 'Failure detection has no link to a member that it watches.'],
  'watched-peer-unreachable': [
    'debug',
    'A link to a watched relay or peer could not be opened; it is tried again.',
  ],
  'news-refused': ['debug', 'News about a member had no valid proof.'],
  'news-not-mapped': ['debug', 'A member learned from news could not be added to the map.'],
  'member-not-mapped': ['warn', 'A member that was seen could not be added to the map.'],
  'map-stream-not-opened': ['debug', 'A relay did not open the stream of the map; another is tried.'],
  'pair-refused': ['warn', 'A record with its credential in the map did not verify and was left out.'],
  'record-early': [
    'warn',
    'A record is more than a day ahead of this clock; one of the two clocks is wrong.',
  ],
  'map-not-read': ['warn', 'The control plane did not give the map; the one on disk is used.'],
  'map-not-polled': ['warn', 'A relay could not poll the map; the one on disk is used.'],
  'homes-not-published': ['error', 'The record does not name the new home relays; callers find them later.'],
  'home-not-claimed': ['error', 'A relay was not informed that it is the home of this agent.'],
  'home-claim-refused': ['warn', 'The claim of an agent to be homed at this relay was not valid.'],
  'presence-not-reported': ['warn', 'A relay could not report which agents are online; it is tried again.'],
  'lan-search-failed': [
    'warn',
    'mDNS does not work on this host; members are found over relays and the control plane.',
  ],
  'lan-member-unreachable': ['debug', 'An address that mDNS found did not answer.'],
  'otel-not-loaded': [
    'warn',
    'Tracing was asked for, but `@opentelemetry/api` cannot be loaded: install it.',
  ],
  'map-message-refused': ['warn', 'A relay sent a head or a part of the map that is not valid.'],
  'map-message-stale': ['debug', 'A relay sent a head that is older than the known one.'],
} as const
