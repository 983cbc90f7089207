import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoted } from './ssh-host.ts'

test.each(["it's", '$(reboot)', '`reboot`', 'a b', '', '"; reboot', "'; reboot '", 'a\nb'])(
  'a shell takes %j as one word',
  word => {
    const said = execFileSync('sh', ['-s'], { input: `printf '%s|' ${quoted(word)}`, encoding: 'utf8' })
    expect(said).toBe(`${word}|`)
  },
)
