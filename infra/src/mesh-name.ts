import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Ids of the constructs from the stack (without it) to this one; `Default` is left out, as in logical ids. */
export const idsBelowStack = (scope: Construct): string[] =>
  scope.node.scopes
    .slice(Stack.of(scope).node.scopes.length)
    .map(({ node }) => node.id)
    .filter(id => id !== 'Default')

/**
 * Name of a mesh in metrics, and in the command (`--stack`): `STACK/ID`, or `STACK` where the stack itself is the mesh.
 */
export const meshName = (scope: Construct): string =>
  [Stack.of(scope).stackName, ...idsBelowStack(scope)].join('/')
