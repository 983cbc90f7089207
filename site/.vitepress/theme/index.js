import DefaultTheme from 'vitepress/theme'

import './contrast.css'
import Diagram from './Diagram.vue'

/** The theme of VitePress, and diagrams. */
export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => app.component('Diagram', Diagram),
}
