// The reader page of the API: Swagger UI over the desk's own description, and no third host.
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const look = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', look);
look();

window.SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
