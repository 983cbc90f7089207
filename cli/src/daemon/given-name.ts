/** Lines for people; none when the member has the name that it asked for. */
export const otherNameText = (asked: string | undefined, name: string): string[] =>
  asked === undefined
    ? []
    : [
        `It asked for the name ${asked} and has ${name}: another member holds ${asked}, the token fixes the name, or an admin changed it.`,
      ]
