FROM node:22-alpine as builder
WORKDIR /site
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build
FROM nginx:1.29-alpine
COPY --from=builder --chmod=0644 /site/dist/ /usr/share/nginx/html/
COPY <<EOF /etc/nginx/conf.d/default.conf
server {
  listen 80;
  root /usr/share/nginx/html;
}
EOF
