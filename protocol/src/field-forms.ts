/**
 * The forms of names and ids in arguments, with their descriptions for errors. Apart from the schemas of fields.ts, so that
 * the command checks its arguments without loading a schema library.
 */
export interface FieldForm {
  readonly pattern: RegExp
  /** Follows "it" in an error. */
  readonly not: string
}

const serviceName = '[a-z][a-z0-9-]{0,30}(?:\\.[a-z][a-z0-9-]{0,30}){0,3}'
const version = '@[1-9][0-9]{0,5}'

export const fieldForms = {
  /** A DNS label, so that names can become host names. */
  name: {
    pattern: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    not: 'is not a name (1-63 of a-z, 0-9, -; no - at the ends)',
  },
  /** `role`, `region`, `zone`, `tag`: a short lower-case word. */
  label: {
    pattern: /^[a-z0-9](?:[a-z0-9._-]{0,62})$/,
    not: 'is not a label (1-63 of a-z, 0-9, . _ -)',
  },
  /** `math` */
  serviceName: { pattern: new RegExp(`^${serviceName}$`), not: 'is not a service name' },
  /** `math@2` */
  serviceRef: {
    pattern: new RegExp(`^${serviceName}${version}$`),
    not: 'is not a service reference (name@version)',
  },
  /** Of an Ed25519 key. */
  peerId: {
    pattern: /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/,
    not: 'is not an Ed25519 peer id (12D3KooW…)',
  },
  /** Of an enrolment, 16 bytes of base64url. */
  serial: { pattern: /^[A-Za-z0-9_-]{22}$/, not: 'is not a serial (22 base64url characters)' },
  /** First 16 characters of the hash of a token's secret. */
  tokenId: { pattern: /^[\w-]{16}$/, not: 'is not a token id (16 base64url characters)' },
  /** `math.add` or `math@2.add` */
  method: {
    pattern: /^(?=.{1,128}$)[a-z][a-z0-9.-]*(@\d{1,6})?\.[a-zA-Z][a-zA-Z0-9_-]*$/,
    not: 'is not a method (service.method)',
  },
  /** `alerts.disk` */
  topic: {
    pattern: /^(?=.{1,100}$)[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
    not: 'is not a topic (1-100 letters, digits, . _ / and -; a letter or digit at both ends)',
  },
  /** `alerts.disk`, `alerts.*` */
  topicPattern: {
    pattern: /^(?=.{1,101}$)(?:\*|[A-Za-z0-9][A-Za-z0-9._/-]*\*?)$/,
    not: 'is not a topic, or the beginning of one with a * behind it (alerts.*)',
  },
  /** `ssh`, `grafana.web`: what a member exposes a port as. */
  portName: {
    pattern: /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/,
    not: 'is not a port name (1 to 63 lower-case letters, digits, dots, _ and -; a letter or digit at both ends)',
  },
  /** Members, as the policy names them. */
  selector: {
    pattern: /^(?:\*|(?:role|name|peer|tag):[A-Za-z0-9._-]{1,63})$/,
    not: 'is not a selector (role:ops, name:…, peer:…, tag:…, *)',
  },
  topicGroup: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    not: 'is not a group (1-63 letters, digits, . _ and -)',
  },
} as const satisfies Record<string, FieldForm>
