/**
 * How the files of a build are fetched, by the page as by the worker. Their address names their content, so
 * what a cache has of them is never out of date, whatever the host says of it.
 */
export const fetching: RequestInit = { cache: 'force-cache' };
