/** Only what the page uses. */
export const expressionInterpreter: unknown;
