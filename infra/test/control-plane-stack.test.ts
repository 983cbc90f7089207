import { App } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ControlPlaneStack } from '../src/control-plane-stack.ts'
import { bundleLambda } from '../src/lambda-bundle.ts'

let bundle = ''
let template: Template

beforeAll(async () => {
  bundle = bundleLambda(await mkdtemp(join(tmpdir(), 'lambda-')))
  template = Template.fromStack(new ControlPlaneStack(new App(), 'ControlPlane', { bundle }))
}, 60_000)

afterAll(() => rm(bundle, { recursive: true, force: true }))

describe('the control plane stack', () => {
  it('keeps the table when the stack goes: on demand, with TTL, stream, point-in-time recovery', () => {
    template.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        Replicas: [
          Match.objectLike({
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ],
      },
    })
  })

  it('runs one function on Node 24 that knows its table', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Environment: { Variables: { TABLE_NAME: Match.anyValue() } },
    })
  })

  it('lets the function touch its own table alone', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy'))
    expect(JSON.stringify(policies)).not.toContain('"Resource":"*"')
    expect(JSON.stringify(policies)).toContain('dynamodb:PutItem')
  })
})

describe('the Lambda bundle', () => {
  it('is one file of at most 450 KB, without source maps', async () => {
    expect(await readdir(bundle)).toEqual(['index.mjs'])
    expect((await stat(join(bundle, 'index.mjs'))).size).toBeLessThan(450 * 1024)
  })

  it('answers an API Gateway request for its health', async () => {
    const reply = await invoke('/health')
    expect(reply.statusCode).toBe(200)
    expect(JSON.parse(reply.body)).toMatchObject({ status: 'ok' })
  })

  it('describes the API', async () => {
    const reply = await invoke('/v1/openapi.json')
    expect(JSON.parse(reply.body)).toMatchObject({ openapi: '3.1.0' })
  })

  it('is not ready and says why', async () => {
    const reply = await invoke('/ready')
    expect(reply.statusCode).toBe(501)
    expect(reply.body).toContain('no store yet')
  })

  it('answers what it does not serve with a problem document', async () => {
    const reply = await invoke('/v1/bootstrap')
    expect(reply.statusCode).toBe(501)
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'unsupported' })
  })
})

async function invoke(path: string): Promise<{ statusCode: number; body: string }> {
  const { handler } = (await import(pathToFileURL(join(bundle, 'index.mjs')).href)) as {
    handler: (event: unknown, context: unknown) => Promise<{ statusCode: number; body: string }>
  }
  const http = { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' }
  const requestContext = { http, domainName: 'api.test', stage: '$default', requestId: '1' }
  const event = {
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { host: 'api.test' },
    requestContext,
  }
  return await handler({ ...event, isBase64Encoded: false }, {})
}
