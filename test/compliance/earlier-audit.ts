/** Lines of an audit chain as version 0.1.0 wrote it before entries were part of their changes. */
export const earlierAudit: readonly string[] = [
  '{"seq":1,"at":1790812800000,"who":"operator","what":"token.create","detail":{"id":"q0Jx1pX9mTnZ2vbk","roles":["agent"],"uses":1},"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","hash":"OpsYeGyG08XHo2kYFrz-NZVxkhyrOOgEXA8fa3TziiU"}',
  '{"seq":2,"at":1790812801000,"who":"12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2","what":"join","detail":{"name":"web-1","roles":["agent"],"serial":"Zk3mC0t6f2lqYt0o0wXJ5A"},"prev":"OpsYeGyG08XHo2kYFrz-NZVxkhyrOOgEXA8fa3TziiU","hash":"RdTuhxBOfRvVc9FKJL6ioC3IfSrRMsjbh_NeLatFbTk"}',
  '{"seq":3,"at":1790812802000,"who":"12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2","what":"renew","detail":{"name":"web-1","roles":["agent"],"serial":"Zk3mC0t6f2lqYt0o0wXJ5A"},"prev":"RdTuhxBOfRvVc9FKJL6ioC3IfSrRMsjbh_NeLatFbTk","hash":"D0I6lheNvcp5mveFlplLKZ5yFRmobhQ2EunxekPv4dg"}',
  '{"seq":4,"at":1790812803000,"who":"operator","what":"policy","detail":{"hash":"d0k","number":2},"prev":"D0I6lheNvcp5mveFlplLKZ5yFRmobhQ2EunxekPv4dg","hash":"vAEQh4jSXy6tG7WKi_yDUuqeayLuH9pGiGP6tlYQlto"}',
  '{"seq":5,"at":1790812804000,"who":"operator","what":"revoke","detail":{"name":"web-1","number":2,"peerId":"12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2","serial":"Zk3mC0t6f2lqYt0o0wXJ5A"},"prev":"vAEQh4jSXy6tG7WKi_yDUuqeayLuH9pGiGP6tlYQlto","hash":"B5BvQ2O_PkkoD4X6pUEcnnOJBCVAbGszd4Mb81l1hPY"}',
]
