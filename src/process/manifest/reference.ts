/** What a route or a command line may say for an application: `name` or `name@1.2.0`. */
export const referencePattern = /^[a-z0-9][a-z0-9-]{0,62}(@\d[0-9A-Za-z.-]{0,63})?$/;
