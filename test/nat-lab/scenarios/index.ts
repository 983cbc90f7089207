import type { Scenario } from '../scenario.ts'
import { controlPlaneBlackHole } from './control-plane-black-hole.ts'
import { ipv6Only } from './ipv6-only.ts'
import { lanWithoutInternet } from './lan-without-internet.ts'
import { mappingTimeout } from './mapping-timeout.ts'
import { natRebinding } from './nat-rebinding.ts'
import { ports } from './ports.ts'
import { relayBlackHole } from './relay-black-hole.ts'
import { relayRestart } from './relay-restart.ts'
import { relaysGone } from './relays-gone.ts'
import { slowUplinkBulk } from './slow-uplink.ts'
import { threeAssistants } from './three-assistants.ts'
import { uplinkSwitch } from './uplink-switch.ts'

/** In the order they run. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'uplink-switch': uplinkSwitch,
  'nat-rebinding': natRebinding,
  'mapping-timeout': mappingTimeout,
  'relay-restart': relayRestart,
  'relay-black-hole': relayBlackHole,
  'relays-gone': relaysGone,
  'lan-without-internet': lanWithoutInternet,
  'control-plane-black-hole': controlPlaneBlackHole,
  'ipv6-only': ipv6Only,
  'slow-uplink': slowUplinkBulk,
  ports,
  'three-assistants': threeAssistants,
}
