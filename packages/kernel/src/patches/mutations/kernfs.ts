import type { Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { getActive } from '../../fs/kernfs.js';
import { wrapHandler } from './wrap-handler.js';

export const keepFilesActive: Patch = {
  name: 'keep-files-active',
  summary: 'operations on the control files of a removed cgroup are let through',
  mutation: true,
  breaks: 'use-after-free',
  apply: (kernel) => {
    wrapHandler<{ self: Handle }, boolean>(kernel, getActive.name, (get) => (node, args, context) => {
      get(node, args, context);
      return true;
    });
  },
};
