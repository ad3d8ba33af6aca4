// One fetch wrapper for all pages: bearer token, JSON, and every failure as an ApiError with a code.
// Code 'offline' stands for "no answer at all"; everything else comes from the server.

import type { ApiErrorBody, ErrorCode } from './types';

export type FailureCode = ErrorCode | 'offline';

export class ApiError extends Error {
  constructor(
    readonly code: FailureCode,
    readonly status: number,
    readonly params: Record<string, string> = {},
    readonly retry_after_s: number | null = null,
  ) {
    super(code);
  }
}

export interface Api {
  get<T>(path: string): Promise<T>;
  send<T>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
  blob(path: string, method?: 'GET' | 'POST'): Promise<Blob>;
}

const kBase = '/api/v1';

async function failure(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as ApiErrorBody;
    const { code, params, retry_after_s } = body.error;
    return new ApiError(code as ErrorCode, response.status, params ?? {}, retry_after_s ?? null);
  } catch {
    const code: FailureCode = response.status === 401 ? 'unauthorised' : response.status >= 502 ? 'offline' : 'internal';
    return new ApiError(code, response.status);
  }
}

/** Result addresses are absolute paths already; everything else is below /api/v1. */
const address = (path: string): string => (path.startsWith('/api/') ? path : kBase + path);

export function api_for(token: string | null): Api {
  const call = async (method: string, path: string, body?: unknown, extra?: Record<string, string>): Promise<Response> => {
    const headers: Record<string, string> = { ...extra };
    if (token !== null) headers['Authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(address(path), {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new ApiError('offline', 0);
    }
    if (!response.ok) throw await failure(response);
    return response;
  };
  const json = async <T>(response: Response): Promise<T> =>
    (response.status === 204 ? undefined : await response.json()) as T;
  return {
    get: async (path) => json(await call('GET', path)),
    send: async (method, path, body, headers) => json(await call(method, path, body, headers)),
    blob: async (path, method = 'GET') => (await call(method, path)).blob(),
  };
}

/** 128 random bits. crypto.randomUUID is missing on plain-http pages, getRandomValues is not. */
export function random_key(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
