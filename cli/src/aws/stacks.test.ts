import { describe, expect, it } from 'vitest'
import { wantedStacks, withDeployedStacks } from './stacks.ts'

const stack = 'Mesh'
const { data, controlPlane, relays } = wantedStacks({ stack, settings: { relays: '1' } })
const all = [data, controlPlane, relays].filter(each => each !== undefined)

describe('the settings that stacks are destroyed by', () => {
  it('are those of the deployment while these ask for all of its stacks', () => {
    const settings = { relays: '2', domain: 'mesh.example.com', hostedZoneId: 'Z1' }
    expect(withDeployedStacks({ stack, settings, stacks: all }).settings).toEqual(settings)
    expect(withDeployedStacks({ stack, settings: {}, stacks: [controlPlane] }).settings).toEqual({})
  })

  it('ask for the relays that a failed deployment without relays left', () => {
    const deployment = withDeployedStacks({ stack, settings: { relays: '0' }, stacks: all })
    expect(wantedStacks(deployment)).toEqual({ data, controlPlane, relays })
  })

  it('ask for the stack of table and key when a restored table is in use', () => {
    const settings = { tableName: 'restored', authorityKeyArn: 'arn:aws:kms:eu-west-1:111122223333:key/k' }
    expect(wantedStacks({ stack, settings }).data).toBeUndefined()
    const deployment = withDeployedStacks({ stack, settings, stacks: all })
    expect(wantedStacks(deployment)).toEqual({ data, controlPlane, relays })
  })
})
