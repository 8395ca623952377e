/** One endpoint of the invented shop: how busy it is, how slow, and how often it fails. */
export type Route = {
  service: string;
  method: string;
  endpoint: string;
  weight: number;
  p50Ms: number;
  errorRate: number;
  clientErrorRate: number;
};

const route = (
  service: string,
  line: string,
  weight: number,
  p50Ms: number,
  errorRate: number,
  clientErrorRate: number,
): Route => {
  const [method = '', endpoint = ''] = line.split(' ');
  return { service, method, endpoint, weight, p50Ms, errorRate, clientErrorRate };
};

const MAIN: Route[] = [
  route('catalog', 'GET /products', 310, 8.4, 0.0004, 0.003),
  route('catalog', 'GET /products/:id', 265, 4.1, 0.0003, 0.021),
  route('search', 'GET /search', 148, 46, 0.0021, 0.006),
  route('accounts', 'POST /sessions', 61, 118, 0.0009, 0.094),
  route('accounts', 'GET /me', 205, 0.72, 0.0001, 0.012),
  route('cart', 'GET /carts/:id', 132, 3.3, 0.0002, 0.008),
  route('cart', 'POST /carts/:id/items', 58, 11.8, 0.0012, 0.017),
  route('cart', 'PATCH /carts/:id/items/:itemId', 21, 10.2, 0.0008, 0.011),
  route('cart', 'DELETE /carts/:id/items/:itemId', 12, 7.7, 0.0006, 0.005),
  route('orders', 'POST /orders', 24, 212, 0.0134, 0.031),
  route('orders', 'GET /orders/:id', 44, 9.1, 0.0006, 0.014),
  route('orders', 'GET /orders', 31, 27, 0.0011, 0.004),
  route('payments', 'POST /payments', 23, 640, 0.0412, 0.052),
  route('payments', 'POST /payments/:id/refunds', 1.4, 890, 0.0275, 0.018),
  route('payments', 'POST /webhooks/card-processor', 26, 34, 0.0058, 0.001),
  route('search', 'GET /suggest', 176, 6.2, 0.0004, 0.001),
];

const RESOURCES = [
  'reviews',
  'stock',
  'prices',
  'coupons',
  'wishlists',
  'addresses',
  'returns',
  'labels',
  'media',
];

/** The long tail every real system has: rarely called, and more of it than fits the table. */
const TAIL: Route[] = RESOURCES.flatMap((name, index) => {
  const service = ['catalog', 'accounts', 'orders'][index % 3] ?? 'catalog';
  const weight = 9 / (index + 1);
  return [
    route(service, `GET /${name}`, weight, 14 + index * 3, 0.0005, 0.004),
    route(service, `GET /${name}/:id`, weight * 0.8, 6 + index, 0.0004, 0.02),
    route(service, `POST /${name}`, weight * 0.3, 31 + index * 4, 0.002, 0.03),
    route(service, `PUT /${name}/:id`, weight * 0.2, 26 + index * 2, 0.001, 0.01),
    route(service, `DELETE /${name}/:id`, weight * 0.05, 18, 0.0005, 0.01),
  ];
});

export const ROUTES: readonly Route[] = [...MAIN, ...TAIL];
