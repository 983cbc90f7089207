/** What `service install` refuses before it writes a definition: other users can read those. */
import { expect, test, vi } from 'vitest'

import { createProgram } from '../program.ts'
import { checkArgs } from './check-args.ts'
import type { ServiceSpec } from './service-spec.ts'

const check = (run: ServiceSpec['run'], args: readonly string[]) => () =>
  checkArgs(
    createProgram(true, () => {}),
    run,
    args,
  )

test.each<[ServiceSpec['run'], string[]]>([
  ['up', []],
  ['up', ['--name', 'web-1', '--listen', '0.0.0.0:4001', '--no-mdns', '--serve', '/srv/math.ts']],
  ['up', ['--config', '/etc/agent-mesh.yaml', '--proxy', 'none', '--json', '--gateway']],
  ['relay', ['--listen', '0.0.0.0:4001', '--stun-port', '0']],
  ['control-plane', ['--listen', '0.0.0.0:8440', '--public-url', 'https://mesh.example.com']],
])('%s takes %j', (run, args) => {
  expect(check(run, args)).not.toThrow()
})

test.each<[ServiceSpec['run'], string[], string]>([
  ['up', ['--nmae', 'web-1'], '--nmae is not for "agent-mesh up"'],
  ['relay', ['--gateway'], '--gateway is not for "agent-mesh relay"'],
  ['up', ['--data', '/srv/mesh'], '--data is not for'],
  ['up', ['--context=other'], '--context is not for'],
  ['up', ['--version'], '--version is not for'],
  ['up', ['--json', 'amj1.secret'], '"agent-mesh up" takes options only'],
  ['up', ['amj1.secret'], '"agent-mesh up" takes options only'],
  ['up', ['--join', 'amj1.secret'], 'other users could read the join token'],
  ['relay', ['--join', '@/etc/token'], 'it gets its join token from its installation'],
  ['up', ['--jion=amj1.secret'], '--jion is not for'],
  ['up', ['--serve', './math.ts'], 'without ./math.ts'],
  ['relay', ['--tls-cert', '/srv/cert.pem', '--tls-key', 'key.pem'], 'without key.pem'],
  ['up', ['--json', '--config', 'agent.yaml'], 'without agent.yaml'],
])('%s refuses %j', (run, args, why) => {
  expect(check(run, args)).toThrow(why)
  expect(check(run, args)).not.toThrow('amj1.secret')
})

test('a value that an option does not take is refused as that command refuses it', () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect(check('up', ['--listen', 'nowhere'])).toThrow("'nowhere' is invalid")
  expect(check('control-plane', ['--listen', '0.0.0.0:99999'])).toThrow("'0.0.0.0:99999' is invalid")
})
