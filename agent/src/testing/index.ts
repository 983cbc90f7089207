/** For the tests of programs: `@agent-mesh/agent/testing`. */
export { MemoryAgent as TestAgent } from './memory-agent.ts'
export { createTestMesh, type MemoryMesh as TestMesh } from './test-mesh.ts'
export type { TestAgentOptions, TestFailure, TestMeshOptions } from './test-mesh.ts'
export type { VirtualTime } from './virtual-time.ts'
