import { describe, expect, it } from 'vitest'

import { explanationIn, explanationText } from './explanation.ts'
import { createOutput } from './output.ts'
import { render } from './text.ts'

const output = createOutput({ json: false, color: false })

const explanation = {
  service: 'math',
  ms: 31,
  tries: [
    {
      ...{ peerId: 'p1', name: 'web-1', path: 'relay', chosenMs: 1, connectMs: 20, answerMs: 5 },
      ...{ code: 'overloaded', message: 'Cannot serve: \u001b[31mbusy' },
      candidates: [
        { peerId: 'p1', name: 'web-1', score: 12.34, inFlight: 1 },
        { peerId: 'p2', score: 99, inFlight: 3, rejected: 'costs more' },
      ],
    },
    {
      peerId: 'p2',
      beside: 'hedge',
      chosenMs: 27,
      connectMs: 0,
      candidates: [{ peerId: 'p2', score: 99, inFlight: 3 }],
    },
  ],
}

describe('the explanation of a call', () => {
  it('shows the tries, then what was known of each provider', () => {
    const lines = render(explanationText(explanation, output)).split('\n')
    expect(lines[0]).toBe('math: 2 tries, 31 ms')
    expect(lines[1]).toMatch(/^TRY +MEMBER +PATH +CHOSEN AFTER +CONNECT +ANSWER +RESULT$/)
    expect(lines[2]).toMatch(/^1 +web-1 +relay +1.0 ms +20 ms +5.0 ms +overloaded: Cannot serve: /)
    expect(lines[3]).toMatch(/^2 hedge +p2 +- +27 ms +0.0 ms +- +another try answered first$/)
    expect(lines.slice(6).map(line => line.replace(/ +/g, ' '))).toEqual([
      '1 web-1 12.3 1 asked',
      '1 p2 99.0 3 not asked: costs more',
      '2 p2 99.0 3 asked',
    ])
  })

  it('lets text of other members steer no terminal', () => {
    expect(render(explanationText(explanation, output))).not.toContain('\u001b')
  })

  it('says so when no member was asked', () => {
    const text = render(explanationText({ service: 'math', ms: 1, tries: [] }, output))
    expect(text).toBe('No member was asked (1.0 ms).')
  })

  it('is read from the details of an error, and only if it is one', () => {
    expect(explanationIn({ explanation })).toMatchObject({ service: 'math' })
    expect(explanationIn({ explanation: { service: 1 } })).toBeUndefined()
    expect(explanationIn(undefined)).toBeUndefined()
  })
})
