// Mantine's mixins (light/dark) for the style modules.
module.exports = { plugins: { 'postcss-preset-mantine': {} } };
