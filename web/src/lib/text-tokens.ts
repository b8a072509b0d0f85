// What tokens of sound and of pictures are called, wherever they are counted or priced.
export const soundAndPictures = {
  input_audio: 'Audio in',
  output_audio: 'Audio out',
  cache_read_audio: 'Audio from cache',
  input_image: 'Images in',
  output_image: 'Images out',
  cache_read_image: 'Images from cache',
};
